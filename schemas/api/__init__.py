"""What the HTTP API takes and gives, as models: the OpenAPI document is made of them."""
