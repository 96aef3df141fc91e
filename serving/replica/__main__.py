"""`python -m serving.replica`: keeps a local copy of a model's folder in a store, for a server to watch."""

from serving.replica.replica_command import main

if __name__ == "__main__":
    raise SystemExit(main())
