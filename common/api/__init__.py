"""How the API behaves everywhere: JSON:API 1.1, strict where it must be, plain JSON welcome."""
