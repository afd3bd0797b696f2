terraform {
  backend "s3" {
    bucket                      = "states"
    key                         = "terraform.tfstate"
    region                      = "us-east-1"
    profile                     = "dev"
    use_path_style              = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
    skip_s3_checksum            = true
  }
}

output "greeting" {
  value = "hello"
}
