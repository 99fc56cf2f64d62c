"""What the terminal says once everything runs."""

from config import demo
from config.environment import integer, is_set, text

NO_KEY = "make one: .venv/bin/python manage.py create_api_key NAME --scope ..."
NO_STAFF = "make one: .venv/bin/python manage.py createsuperuser"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listening there is BIND's decision


def host() -> str:
    """A host by which the web server can be reached from this machine."""
    return EVERYWHERE.get(text("BIND"), text("BIND"))


def address() -> str:
    bracketed = f"[{host()}]" if ":" in host() else host()
    return f"http://{bracketed}:{integer('PORT')}"


def grpc_address() -> str:
    bracketed = f"[{host()}]" if ":" in host() else host()
    return f"{bracketed}:{integer('GRPC_PORT')}"


def banner() -> str:
    """Addresses, credentials and a first command. A key that was given is not repeated."""
    products = f"{address()}/api/v1/products"
    key = "$API_KEY" if is_set("API_KEY") else demo.api_key()
    password = demo.staff_password()
    lines = {
        "API": products,
        "Docs": f"{address()}/docs",
        "Admin": f"{address()}/admin/",
        "Health": f"{address()}/health",
        "gRPC": grpc_address() if integer("GRPC_PORT") else "none: GRPC_PORT is 0",
        "API key": key or NO_KEY,
        "Staff login": f"{demo.STAFF_NAME} / {password}" if password else NO_STAFF,
        "Try": f'curl -H "X-API-Key: {key or "..."}" {products}',
        "Stop": "Ctrl-C",
    }
    body = "\n".join(f"  {title:<13}{line}" for title, line in lines.items())
    return f"\n  Stockroom is running.\n\n{body}\n"
