"""Which version a model server has in service, by its status API."""

from __future__ import annotations

from adclick.errors import AdclickError

GRPC = "grpc://"
TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5.0


def served_version(url: str, model_name: str, model_folder: str) -> int | None:
    """The version that the server at `url` answers with: the greatest that is AVAILABLE.

    None where neither it nor `model_folder` has one yet. `url`: http://, https:// (REST) or grpc://.
    Raises AdclickError where the server does not answer, or has nothing to answer with though the folder has versions,
    or a version that is not in the folder.
    """
    from components.pusher.versions import versions

    complete = versions(model_folder)
    available, why = _available(url, model_name)
    if not available:
        if not complete:
            return None
        raise AdclickError(
            f"evaluation.baseline: {url}: has no version of model {model_name!r} in service ({why}), but "
            f"{model_folder} has version {complete[-1]}; let that server watch the folder and wait until it has loaded "
            "it, correct the URL or push.model_name, or set evaluation.baseline to served_folder"
        )
    version = max(available)
    if version not in complete:
        known = f"the versions there are {', '.join(map(str, complete))}" if complete else "no version is there"
        raise AdclickError(
            f"evaluation.baseline: {url}: has version {version} of model {model_name!r} in service, which is not in "
            f"{model_folder} ({known}); correct push.root or the URL, put the version back into the folder, or set "
            "evaluation.baseline to served_folder"
        )
    return version


def require_answer(url: str, model_name: str) -> None:
    """Raises AdclickError where the server does not answer; any answer will do.

    Without TensorFlow: of a gRPC server, whose messages need it, it is asked only whether it speaks gRPC's HTTP/2.
    """
    if not url.startswith(GRPC):
        _available(url, model_name)
        return
    import grpc

    from serving.clients.grpc_channel import open_channel
    from serving.clients.server_address import parse_address

    try:
        address = parse_address(url.removeprefix(GRPC), 8500)
    except ValueError as error:
        raise AdclickError(f"evaluation.baseline: {url}: {error}") from None
    with open_channel(address, None, CONNECT_TIMEOUT_S) as channel:
        try:
            grpc.channel_ready_future(channel).result(CONNECT_TIMEOUT_S)
        except grpc.FutureTimeoutError:
            raise _unanswered(url, f"no gRPC server answered within {CONNECT_TIMEOUT_S:.0f} s") from None


def _available(url: str, model_name: str) -> tuple[list[int], str]:
    """AVAILABLE versions, and the server's words where there are none."""
    from serving.client import ClientError, GrpcClient, RestClient, ServerRefusedError

    client: GrpcClient | RestClient
    try:
        if url.startswith(GRPC):
            client = GrpcClient(url.removeprefix(GRPC), model_name, TIMEOUT_S)
        else:
            client = RestClient(url, model_name, TIMEOUT_S)
    except ValueError as error:
        raise AdclickError(f"evaluation.baseline: {url}: {error}") from None
    with client:
        try:
            return client.available_versions(), "no version is AVAILABLE"
        except ServerRefusedError as error:
            if error.status in ("404", "NOT_FOUND"):
                return [], error.said()
            raise _unanswered(url, error) from None
        except ClientError as error:
            raise _unanswered(url, error) from None


def _unanswered(url: str, error: Exception | str) -> AdclickError:
    return AdclickError(
        f"evaluation.baseline: {url}: cannot tell which version is in service: {error}; start the server or correct "
        "the URL, and run the same command again, or set evaluation.baseline to served_folder"
    )
