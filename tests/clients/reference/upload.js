// 步骤 1: 初始化
const initRes = await fetch('http://localhost:8000/upload/v1beta/files', {
  method: 'POST',
  // headers: {
  //   'X-Goog-Upload-Protocol': 'resumable',
  //   'X-Goog-Upload-Command': 'start',
  //   'X-Goog-Upload-Header-Content-Length': file.size.toString(),
  //   'X-Goog-Upload-Header-Content-Type': file.type,
  //   'Content-Type': 'application/json'
  // },
  body: JSON.stringify({ file: { displayName: file.name } })
});

const uploadUrl = initRes.headers.get('X-Goog-Upload-URL');

// 步骤 2: 上传
await fetch(uploadUrl, {
  method: 'POST',
  headers: {
    'X-Goog-Upload-Command': 'upload, finalize',
    'X-Goog-Upload-Offset': '0',
    // 'Content-Length': file.size.toString()
  },
  body: file
});
