"""The one place that names the HTTP library, so that a maintained successor is a one-line change."""

import httpx

Client = httpx.AsyncClient
Request = httpx.Request
Response = httpx.Response
Limits = httpx.Limits
Timeout = httpx.Timeout
URL = httpx.URL
Transport = httpx.AsyncBaseTransport
TransportError = httpx.TransportError
TimeoutException = httpx.TimeoutException
ConnectError = httpx.ConnectError
ConnectTimeout = httpx.ConnectTimeout
PoolTimeout = httpx.PoolTimeout
DecodingError = httpx.DecodingError
HTTPError = httpx.HTTPError
InvalidURL = httpx.InvalidURL
UnsupportedProtocol = httpx.UnsupportedProtocol

__all__ = [
    "URL",
    "Client",
    "ConnectError",
    "ConnectTimeout",
    "DecodingError",
    "HTTPError",
    "InvalidURL",
    "Limits",
    "PoolTimeout",
    "Request",
    "Response",
    "Timeout",
    "TimeoutException",
    "Transport",
    "TransportError",
    "UnsupportedProtocol",
]
