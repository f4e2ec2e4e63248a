"""The Transformer: one model of many architectures, in small parts."""
