terraform {
  backend "s3" {
    bucket                     = "states"
    region                     = "us-east-1"
    use_path_style             = true
    use_lockfile               = true
    skip_metadata_api_check    = true
    skip_requesting_account_id = true
    skip_s3_checksum           = true
  }
}

resource "terraform_data" "slow" {
  count = 17
  provisioner "local-exec" {
    command = "sleep 6"
  }
}
