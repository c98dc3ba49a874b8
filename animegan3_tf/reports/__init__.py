"""Pages and tables of results; nothing else writes HTML, CSV, Markdown or LaTeX, but for a study's page of questions."""
