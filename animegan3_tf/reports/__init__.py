"""Pages and tables of results: nothing else writes HTML, CSV, Markdown or LaTeX, but the page of a study."""
