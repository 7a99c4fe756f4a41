"""The error table of the service: code, HTTP status, a wording of ours. Clients must not match the wording."""

from typing import Any

# (code without prefix) -> (HTTP status, text). Codes that mean two things carry their status when they are raised.
MODELARTS: dict[str, tuple[int, str]] = {
    "0010": (500, "Internal error."),
    "0101": (400, "Invalid argument."),
    "0102": (400, "The workspace does not exist."),
    "0104": (400, "An argument has the wrong type."),
    "0107": (400, "An argument holds characters that are not allowed."),
    "0108": (403, "The user is not authorised to do this."),
    "0109": (500, "The account is not authorised."),
    "0112": (401, "The request carries no valid token."),
    "0113": (400, "The quota is used up."),
    "0116": (400, "The maximum number of instances is reached."),
    "0118": (400, "The quota is not enough."),
    "0201": (401, "The request carries no token."),
    "0202": (401, "The token must be updated."),
    "0203": (401, "The token is malformed."),
    "0204": (400, "The token is not scoped to a project."),
    "0205": (401, "The token cannot be parsed."),
    "0206": (401, "The access key is not valid."),
    "0207": (401, "The token has the wrong scope."),
    "0208": (401, "The token could not be verified."),
    "0209": (401, "The token could not be verified."),
    "0210": (400, "The project id is not valid."),
    "0212": (401, "The token has the wrong scope."),
    "2799": (429, "Too many requests."),
    "6100": (408, "The request timed out."),
    "6101": (429, "The service is busy."),
    "6102": (500, "Internal error."),
    "6200": (500, "Resources are not sufficient."),
    "6201": (401, "The account is suspended."),
    "6203": (401, "The account is restricted."),
    "6301": (400, "It exists already."),
    "6302": (400, "The maximum number of notebook instances is reached."),
    "6303": (400, "The list cannot be sorted on this field."),
    "6304": (400, "Stop the instance before it is deleted."),
    "6305": (400, "The instance is already running."),
    "6306": (400, "The instance is starting."),
    "6307": (400, "The instance is already stopped."),
    "6308": (400, "The instance is stopping."),
    "6309": (400, "The instance does not exist."),
    "6323": (400, "The flavor is not supported."),
    "6326": (400, "The account is in arrears and frozen."),
    "6327": (400, "The instance is not running."),
    "6328": (400, "No permission for this flavor."),
    "6329": (400, "The flavor is sold out."),
    "6330": (400, "Flavor and image do not match."),
    "6331": (400, "The disk size is out of range."),
    "6332": (400, "A value holds characters that are not allowed."),
    "6333": (400, "The instance is being restored, try again in a minute."),
    "6334": (400, "A required value is missing."),
    "6335": (400, "A value is not valid."),
    "6336": (400, "The request body is not valid."),
    "6346": (400, "The stop time is not in the future."),
    "6347": (400, "The parameter cannot be changed in this status."),
    "6348": (400, "The duration is missing."),
    "6349": (400, "The duration is out of range."),
    "6355": (400, "The instance is initialising, try again in a minute."),
    "6357": (400, "Refused: busy with another operation or already in the requested state."),
    "6360": (400, "Resources are not sufficient."),
    "6361": (400, "Internal or configuration error."),
    "6371": (400, "The storage class is not supported."),
    "6379": (400, "The agency lacks a right."),
    "6400": (400, "The request is not valid."),
    "6404": (400, "The resource does not exist."),
    "6528": (400, "The flavor is sold out."),
    "6600": (400, "The payload is not valid."),
    "6608": (401, "The token is not valid."),
    "6620": (401, "The token is not valid."),
    "6691": (500, "Internal error."),
    "6692": (500, "Internal error."),
    "6699": (500, "Internal error."),
    "6702": (400, "This combination of storage and ownership is not supported."),
    "6716": (400, "Resources are not sufficient."),
    "6737": (400, "The image tag exists."),
    "6768": (400, "The SSH configuration is missing."),
    "6771": (400, "The image is too large."),
    "6772": (400, "The bucket type is not supported."),
    "6782": (400, "The authorisation mode is not supported."),
    "6789": (400, "The key pair cannot be used by this user."),
    "6792": (400, "The instance cannot switch to this flavor."),
    "6797": (400, "The image was not found."),
    "6870": (400, "The flavor is not for this feature."),
    "6927": (400, "The mount path is not valid."),
    "6967": (400, "The secret is not valid."),
}
GATEWAY: dict[str, tuple[int, str]] = {
    "0101": (404, "The API does not exist or has not been published in the environment."),
    "0103": (404, "The backend does not exist."),
    "0104": (404, "The plug-ins were not found."),
    "0105": (404, "The backend configurations were not found."),
    "0106": (404, "Failed to orchestrate the request."),
    "0201": (400, "Bad request."),
    "0301": (401, "Incorrect IAM authentication information."),
    "0302": (403, "The IAM user is not authorised to access the API."),
    "0303": (401, "Incorrect app authentication information."),
    "0308": (429, "The throttling threshold has been reached: policy user over ratelimit, limit:10, time:1 second."),
}
_TABLES = {"ModelArts": MODELARTS, "APIGW": GATEWAY, "APIG": GATEWAY}


class CloudRefusal(Exception):
    """What the service answers instead of a result."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}


def refusal(code: str, message: str | None = None, *, status: int | None = None, **extra: Any) -> CloudRefusal:
    """`code` with or without prefix (`6357`, `ModelArts.6357`, `APIGW.0308`); an unknown code is a KeyError."""
    prefix, _, number = code.rpartition(".")
    prefix = prefix or "ModelArts"
    table_status, text = _TABLES[prefix][number]
    body = {"error_code": f"{prefix}.{number}", "error_msg": message or text, **extra}
    return CloudRefusal(status or table_status, body)


def iam_refusal(status: int, message: str) -> CloudRefusal:
    """Keystone's way of saying no."""
    titles = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
    return CloudRefusal(status, {"error": {"code": status, "message": message, "title": titles[status]}})
