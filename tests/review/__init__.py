"""Review tools as a test: what AWS's and others' tools find in the templates of our constructs and examples."""
