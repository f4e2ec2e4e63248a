"""Windows of a browser that serve one test after another: to open one costs more than most tests do with it."""

from typing import Any

from playwright.sync_api import Browser, Page


class Windows:
    """The windows of a browser: those that tests are done with wait for tests with the same options of a context."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.idle: dict[str, list[Page]] = {}
        self.options: dict[Page, dict[str, Any]] = {}
        self.faults: dict[Page, list[str]] = {}

    def open(self, **options: Any) -> Page:
        """Return an empty window, the network switched off.

        Args:
            options: Those of a browser context; and ``script``, a file to run before each page's own scripts.
        """
        options = {"viewport": {"width": 1280, "height": 900}, "offline": True} | options
        if idle := self.idle.get(repr(sorted(options.items()))):
            return idle.pop()
        script = options.get("script")
        context = self.browser.new_context(**{name: value for name, value in options.items() if name != "script"})
        context.set_default_timeout(10_000)
        if script:
            context.add_init_script(path=script)
        window = context.new_page()
        faults = self.faults[window] = []
        self.options[window] = options

        def note_request(url: str) -> None:
            if not url.startswith(("file:", "data:", "blob:", "about:")):
                faults.append(f"a request left for {url}")

        window.on("request", lambda request: note_request(request.url))
        window.on("pageerror", lambda error: faults.append(f"{window.url}: {error}"))
        return window

    def close(self, window: Page) -> list[str]:
        """Have a window forget what it showed.

        Returns:
            The scripts' uncaught errors, and the requests to anywhere but a folder.
        """
        options = self.options[window]
        if options.get("java_script_enabled", True) and window.url.startswith("file:"):
            window.evaluate("localStorage.clear(); sessionStorage.clear()")
        window.mouse.move(-1, -1)
        window.goto("about:blank")
        window.emulate_media(
            media="null",
            color_scheme=options.get("color_scheme", "light"),
            reduced_motion=options.get("reduced_motion", "no-preference"),
        )
        window.set_viewport_size(options["viewport"])
        self.idle.setdefault(repr(sorted(options.items())), []).append(window)
        faults = list(dict.fromkeys(self.faults[window]))
        self.faults[window].clear()
        return faults
