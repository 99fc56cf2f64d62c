from uuid import uuid4
from common.observability.context import acting_as
class RequestMiddleware:
    def __init__(self, get_response): self.get_response = get_response
    def __call__(self, request):
        request.id = str(uuid4())
        with acting_as("", request.id):
            response = self.get_response(request)
        response["X-Request-ID"] = request.id
        response["Vary"] = "Accept"
        return response
