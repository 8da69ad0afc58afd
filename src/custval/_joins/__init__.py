"""Where two fields meet."""
