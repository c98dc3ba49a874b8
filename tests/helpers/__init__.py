"""What several tests share: data sets, tiny networks, golden data, files as others publish them."""
