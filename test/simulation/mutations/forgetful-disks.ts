import type { File, FileSystem, Runtime } from '@cometmq/runtime'

/** Files whose syncs do nothing, as on a disk that lies. */
export function withoutSyncs(runtime: Runtime): Runtime {
  const { files } = runtime
  return withFiles(runtime, {
    openFile: async (path, options) => withoutSync(await files.openFile(path, options)),
  })
}

/** A small file is never written: that of this name. */
export function withoutFile(name: string): (runtime: Runtime) => Runtime {
  return (runtime) => {
    const { files } = runtime
    return withFiles(runtime, {
      replaceFile: (path, content) =>
        path.endsWith(`/${name}`) ? Promise.resolve() : files.replaceFile(path, content),
    })
  }
}

function withFiles(runtime: Runtime, changes: Partial<FileSystem>): Runtime {
  const { files } = runtime
  return {
    ...runtime,
    files: {
      openFile: (path, options) => files.openFile(path, options),
      makeDirectory: (path) => files.makeDirectory(path),
      list: (path) => files.list(path),
      readFile: (path) => files.readFile(path),
      replaceFile: (path, content) => files.replaceFile(path, content),
      removeFile: (path) => files.removeFile(path),
      removeDirectory: (path) => files.removeDirectory(path),
      syncDirectory: (path) => files.syncDirectory(path),
      freeBytes: (path) => files.freeBytes(path),
      lockDirectory: (path) => files.lockDirectory(path),
      ...changes,
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
