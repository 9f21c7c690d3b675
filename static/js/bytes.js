// Says how much a number of bytes is.

/** Write a number of bytes as people do: 340 KB, 2.4 MB. */
export function inWords(bytes) {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1024)} KB`;
  const megabytes = bytes / 2 ** 20;
  return `${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB`;
}
