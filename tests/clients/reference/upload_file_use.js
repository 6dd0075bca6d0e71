// 使用
const fileInfo = await uploadFile(file);
console.log(fileInfo.uri);
