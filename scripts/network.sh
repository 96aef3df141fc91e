# Sourced: what the user has told pip or the system about reaching packages holds for uv too.
[[ -z ${PIP_INDEX_URL:-} || -n ${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-} ]] || export UV_DEFAULT_INDEX=$PIP_INDEX_URL
[[ -z ${PIP_CERT:-} || -n ${SSL_CERT_FILE:-} ]] || export SSL_CERT_FILE=$PIP_CERT
# uv trusts its built-in authorities only, which fails behind a company's proxy; the system's store knows that one too.
for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
  [[ ! -s $store ]] || export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
done
