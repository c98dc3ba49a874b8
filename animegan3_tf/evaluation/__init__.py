"""How good generated pictures are: metrics of features and of pictures, and studies with people."""
