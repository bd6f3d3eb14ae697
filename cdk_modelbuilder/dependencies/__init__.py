"""What a bundle needs at run time: distributions that are pinned, and local source that is shipped."""
