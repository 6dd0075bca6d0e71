async function uploadFile(file, apiKey, baseUrl = 'http://localhost:8000') {
  // 步骤 1: 初始化
  const initRes = await fetch(`${baseUrl}/upload/v1beta/files`, {
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
  const uploadRes = await fetch(uploadUrl, {
    method: 'POST',
    headers: {
      'X-Goog-Upload-Command': 'upload, finalize',
      'X-Goog-Upload-Offset': '0',
      // 'Content-Length': file.size.toString()
    },
    body: file
  });

  const result = await uploadRes.json();
  return result.file;
}
