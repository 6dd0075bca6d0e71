fetch('http://localhost:8000/v1beta/models/gemini-2.0-flash-exp:generateContent?key=sk-476939672', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    contents: [{
      role: 'user',
      parts: [{ text: '你好' }]
    }]
  })
})
