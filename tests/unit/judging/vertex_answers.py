"""Answers of Vertex AI in express mode with the verdicts that they get."""

from services.judging import Effect, Fault, Retry
from tests.unit.judging import bodies
from tests.unit.judging.answers import HOUR, dead, google, project, refused, spent
from tests.unit.judging.bodies import error, info

SERVICE = "aiplatform.googleapis.com"

VERTEX_ROWS = [
    dead(400, bodies.KEY_INVALID, "key.invalid"),
    dead(
        401,
        error(
            401,
            "UNAUTHENTICATED",
            "API keys are not supported by this API. Expected OAuth2 access token or other "
            "authentication credentials that assert a principal. See "
            "https://cloud.google.com/docs/authentication",
            info(
                "CREDENTIALS_MISSING",
                method="google.cloud.aiplatform.v1beta1.PredictionService.GenerateContent",
                service=SERVICE,
            ),
        ),
        "key.wrong-kind",
    ),
    spent(
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Resource exhausted. Please try again later. Please refer to "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for details.",
        ),
        "quota.bare",
        60,
    ),
    spent(
        error(
            429,
            "RESOURCE_EXHAUSTED",
            f"Quota exceeded for {SERVICE}/generate_content_requests_per_minute_per_project_per_"
            "base_model with base model: gemini-2.5-flash. Please submit a quota increase request.",
        ),
        "quota.bare",
        60,
    ),
    project(
        error(
            403,
            "PERMISSION_DENIED",
            "Vertex AI API has not been used in project 123456789012 before or it is disabled.",
            info("SERVICE_DISABLED", consumer="projects/123456789012", service=SERVICE),
        ),
        "project.service-disabled",
        HOUR,
    ),
    project(
        error(
            403,
            "PERMISSION_DENIED",
            "This API method requires billing to be enabled.",
            info("BILLING_DISABLED", consumer="projects/123456789012", service=SERVICE),
        ),
        "project.billing-disabled",
        HOUR,
    ),
    google(
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "Permission 'aiplatform.endpoints.predict' denied on resource "
            f"'//{SERVICE}/projects/some-project/locations/global/publishers/google/models/m' "
            "(or it may not exist).",
            info("IAM_PERMISSION_DENIED", permission="aiplatform.endpoints.predict"),
        ),
        "project.forbidden",
        Fault.PROJECT,
    ),
    refused(
        404,
        error(
            404,
            "NOT_FOUND",
            "Publisher Model `projects/some-project/locations/global/publishers/google/models/m` "
            "was not found or your project does not have access to it.",
        ),
        "request.not-found",
    ),
    refused(
        400,
        error(400, "INVALID_ARGUMENT", "Please use a valid role: user, model."),
        "request.invalid",
    ),
]

# The same words about a method of Gemini's own API harm no key.
ELSEWHERE = (
    error(
        401,
        "UNAUTHENTICATED",
        "API keys are not supported by this API. Expected OAuth2 access token or other.",
        info("CREDENTIALS_MISSING", service="generativelanguage.googleapis.com"),
    ),
    (Fault.OURS, Retry.NEVER, Effect.NONE),
)
