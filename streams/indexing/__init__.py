"""From a change to the index: parse, chunk, plan, embed, write, flip; and the vacuum behind it."""
