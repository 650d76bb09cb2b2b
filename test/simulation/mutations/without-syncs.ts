import type { File, Runtime } from '@cometmq/runtime'

/** Files whose syncs do nothing, as on a disk that lies. */
export function withoutSyncs(runtime: Runtime): Runtime {
  const { files } = runtime
  return {
    ...runtime,
    files: {
      openFile: async (path, options) => withoutSync(await files.openFile(path, options)),
      makeDirectory: (path) => files.makeDirectory(path),
      list: (path) => files.list(path),
      readFile: (path) => files.readFile(path),
      replaceFile: (path, content) => files.replaceFile(path, content),
      removeFile: (path) => files.removeFile(path),
      removeDirectory: (path) => files.removeDirectory(path),
      syncDirectory: (path) => files.syncDirectory(path),
      freeBytes: (path) => files.freeBytes(path),
      lockDirectory: (path) => files.lockDirectory(path),
    },
  }
}

function withoutSync(file: File): File {
  return {
    path: file.path,
    size: () => file.size(),
    readAt: (target, position) => file.readAt(target, position),
    writeAt: (buffers, position) => file.writeAt(buffers, position),
    sync: () => Promise.resolve(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
  }
}
