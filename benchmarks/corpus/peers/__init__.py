"""What both sides of `corpus-throughput` share, and the other side: run by path, so that nothing shadows a library."""
