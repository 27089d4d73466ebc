"""Events as they come, and as others kept them."""
