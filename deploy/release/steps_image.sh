# Sourced: `adclick …` runs the command in the steps' image of this release, with the store's and Kubeflow's variables.
adclick() {
  docker run --rm --read-only --tmpfs /tmp:mode=1777 --cap-drop ALL --security-opt no-new-privileges \
    --env HOME=/tmp --env ADCLICK_KFP_TOKEN --env AWS_ACCESS_KEY_ID --env AWS_SECRET_ACCESS_KEY --env AWS_DEFAULT_REGION \
    --volume "$PWD/deploy/kubernetes/overlays:/etc/adclick:ro" --volume "$PWD/work:/work" --workdir /work \
    "$(<images/adclick-steps)" adclick "$@"
}

# What the image writes, as its own user, lies here.
mkdir -p work
chmod 1777 work
