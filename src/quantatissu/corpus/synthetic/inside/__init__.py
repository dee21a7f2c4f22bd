"""What runs in the sandbox to call functions: standard library only, beside the forking of `testing.worker`."""
