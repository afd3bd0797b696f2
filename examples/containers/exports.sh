# For any SDK: credproc forward --to https://host.docker.internal:9911/profile/dev --ca /home/me/ca.pem --token-file /home/me/app.token --region eu-west-1 -- my-agent
# The SDKs for Go and JavaScript can do without it:
export AWS_CONTAINER_CREDENTIALS_FULL_URI=https://host.docker.internal:9911/profile/dev
export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/home/me/app.token
export NODE_EXTRA_CA_CERTS=/home/me/ca.pem
export SSL_CERT_DIR=/etc/ssl/certs:/home/me
export AWS_REGION=eu-west-1
export AWS_DEFAULT_REGION=eu-west-1
