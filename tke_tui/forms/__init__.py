"""Forms without a screen: what can be filled in, where it goes in the document, what is wrong with it."""
