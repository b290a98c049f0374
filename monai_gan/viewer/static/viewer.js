// Uploads by button or by dropping files on the page. The server tells in the page's state what became of them.
(() => {
  const state = (values) => window.trame.state.update(values);

  function upload(files) {
    if (!files.length) return;
    const form = new FormData();
    for (const file of files) form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/viewer/upload");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) state({ uploaded: Math.round((100 * event.loaded) / event.total) });
    };
    request.onloadend = () => state({ uploaded: -1 });
    state({ uploaded: 0, notice: null });
    request.send(form);
  }

  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    upload([...event.dataTransfer.files]);
  });
  window.monaiGanViewer = { upload };
})();
