"""Parts of HTML pages. Each page is a single file that fetches nothing."""
