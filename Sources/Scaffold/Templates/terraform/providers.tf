# This folder is a root module: `terraform apply` in it. To call it from another module, delete this file there and give the same
# default_tags in the caller's provider.
provider "aws" {
  region = var.region

  default_tags {
    tags = var.tags
  }
}
