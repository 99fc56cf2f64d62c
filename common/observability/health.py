from django.http import JsonResponse
def health(request): return JsonResponse({"status": "healthy"})
def ready(request): return JsonResponse({"status": "ready"})
