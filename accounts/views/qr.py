"""QR codes in pages."""

import segno


def drawn(text: str) -> dict:
    """Return a QR code as the side and the path of an SVG, a square a module."""
    code = segno.make(text, error="m", micro=False)
    rows = list(code.matrix_iter(border=4))
    squares = [
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    ]
    return {"side": len(rows), "path": "".join(squares)}
