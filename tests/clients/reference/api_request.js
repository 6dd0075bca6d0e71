async function apiRequest(endpoint, options = {}) {
  const baseUrl = 'http://localhost:8000';
  const apiKey = 'sk-476939672';
  
  const defaultOptions = {
    headers: {
      'Authorization': `Bearer ${apiKey}`,
      'Content-Type': 'application/json',
      ...options.headers
    }
  };
  
  const response = await fetch(`${baseUrl}${endpoint}`, {
    ...options,
    ...defaultOptions
  });
  
  if (!response.ok) {
    const error = await response.json();
    throw new Error(error.error?.message || 'Request failed');
  }
  
  return response.json();
}
