"""The tests of newsqa, one file a module."""
