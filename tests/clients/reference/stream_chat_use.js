// 使用
for await (const chunk of streamChat([{ role: 'user', content: '你好' }], 'sk-476939672')) {
  console.log(chunk);
}
