"""The HTML page: a safe markup writer, a small SVG writer, pictures, sections, the page."""
