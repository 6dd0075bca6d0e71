// 使用
const result = await apiRequest('/v1/chat/completions', {
  method: 'POST',
  body: JSON.stringify({
    model: 'gemini-2.0-flash-exp',
    messages: [{ role: 'user', content: '你好' }]
  })
});
