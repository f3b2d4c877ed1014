"""Where a proposal becomes a pull request."""
