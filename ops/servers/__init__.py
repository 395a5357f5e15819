"""Real servers without a container engine: `install` fetches and builds them, `launch` starts them."""
