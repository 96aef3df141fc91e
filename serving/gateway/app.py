"""The gateway's HTTP interface: the predict endpoint, enrichment, health, metrics and the API's description."""

from __future__ import annotations

import functools
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import Route

from configs.gateway_loading import LoadedGateway
from serving.gateway.codes import Refusal
from serving.gateway.docs_page import CONTENT_SECURITY_POLICY, docs_page
from serving.gateway.enrichment import Enricher, StoreUnavailableError
from serving.gateway.metrics import Metrics
from serving.gateway.model_watch import ModelWatch
from serving.gateway.openapi import components, predict_path
from serving.gateway.predict_endpoint import PredictEndpoint, refusal_body, refusal_headers, request_id_of
from serving.gateway.rate_limit import RateLimiter
from serving.gateway.request_body import ClientGoneError, only_header, read_body
from serving.gateway.tokens import TokenVerifier

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_MAX_ENTRY_BYTES = 64 * 1024
_STATUS_CODES = {404: ("not_found", "no such path"), 405: ("method_not_allowed", "the path takes another method")}


def make_app(
    loaded: LoadedGateway,
    predict: PredictEndpoint,
    tokens: TokenVerifier,
    limiter: RateLimiter,
    watch: ModelWatch,
    metrics: Metrics,
    enricher: Enricher,
) -> FastAPI:
    """The ASGI application; whoever runs it starts and ends its parts."""
    app = FastAPI(title="adclick gateway", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes.append(Route("/v1/predict", predict, methods=["POST"]))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)

    @app.get("/healthz", summary="Whether the process is alive")
    async def healthz() -> Response:
        return _json({"alive": True})

    @app.get("/readyz", summary="Whether the model is in service and the gateway takes requests")
    async def readyz() -> Response:
        body = {
            "ready": watch.ready,
            "draining": watch.draining,
            "fault": watch.fault,
            "model_versions": watch.versions,
        }
        return _json(body, 200 if watch.ready else 503)

    @app.get("/metrics", summary="Prometheus metrics")
    async def metrics_text() -> Response:
        return Response(metrics.text(), media_type=_PROMETHEUS)

    @app.put("/v1/enrichment/{kind}/{key}", summary="Puts the features known for a key")
    async def put_enrichment(kind: str, key: str, request: Request) -> Response:
        request_id = request_id_of(request.scope)
        try:
            caller = tokens.caller(only_header(request.scope, b"authorization"))
            limiter.take(caller.client_id, 1)
            scope = loaded.gateway.enrichment.write_scope
            if scope not in caller.scopes:
                raise Refusal("scope_missing", f"the token lacks the scope {scope!r}")
            timeout_s = loaded.gateway.limits.body_timeout_s
            text = await read_body(request.scope, request.receive, _MAX_ENTRY_BYTES, timeout_s)
            await enricher.put(kind, key, _parsed(text))
        except Refusal as refusal:
            return _refused(refusal, request_id)
        except ClientGoneError:
            return Response(status_code=400)  # nobody reads it
        except StoreUnavailableError:
            return _refused(Refusal("enrichment_unavailable", "the store gives no answer; try again", 1.0), request_id)
        return _json({"success": True, "code": "ok", "message": "", "request_id": request_id})

    if loaded.gateway.docs:
        description = functools.lru_cache(maxsize=1)(lambda: _description(app, loaded))

        @app.get("/openapi.json", summary="This description, for machines")
        async def openapi() -> Response:
            return _json(description())

        @app.get("/docs", summary="This description, for people")
        async def docs() -> Response:
            headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
            return Response(docs_page(description()), media_type="text/html", headers=headers)

    return app


def _description(app: FastAPI, loaded: LoadedGateway) -> dict[str, Any]:
    """FastAPI's description of the plain routes, and ours of the predict endpoint."""
    table, gateway = loaded.settings.features, loaded.gateway
    description = get_openapi(title=app.title, version="1", routes=app.routes)
    ours = predict_path(table, gateway.limits, gateway.optional_fields)
    description["paths"] = {"/v1/predict": ours, **description["paths"]}
    made = components(table, gateway.limits, gateway.optional_fields)
    for part, entries in made.items():
        description.setdefault("components", {}).setdefault(part, {}).update(entries)
    return description


def _parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal("malformed_json", f"the body is no JSON: {error.msg}, at character {error.pos}") from None


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _refused(refusal: Refusal, request_id: str) -> Response:
    response = _json(refusal_body(refusal, request_id), refusal.status)
    for name, value in refusal_headers(refusal):
        response.headers[name.decode()] = value.decode()
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    """What the router says, in our words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, message = _STATUS_CODES.get(status, ("internal", "the gateway failed"))
    return _refused(Refusal(code, message), request_id_of(request.scope))


async def _fault(request: Request, _: Exception) -> Response:
    """Anything unforeseen: the log has the traceback, the caller the request id."""
    return _refused(Refusal("internal", "the gateway failed"), request_id_of(request.scope))
