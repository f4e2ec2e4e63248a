"""Looking into trained models: what their heads attend to, and what follows from it."""
