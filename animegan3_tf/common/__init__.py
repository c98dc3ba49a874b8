"""What every room uses: images, files, console, errors, workers."""
