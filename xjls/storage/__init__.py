"""Where bytes live: local files, mapped; remote objects, read in ranges. Nothing here ever writes."""
