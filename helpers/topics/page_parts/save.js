// Rows of the table -> a file with their ids, for selected_ids() in the notebook.

function save(kind) {
  const rows = listedRows();
  const text = kind === "csv" ? csv(rows) : json(rows);
  // A frame without an origin of its own is a sandbox, JupyterLab's for example, and saves nothing.
  if (self !== top && origin === "null") return offerCopy(text);
  const link = element("a", { download: `${topicMap.run}_selection.${kind}` });
  link.href = URL.createObjectURL(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function json(rows) {
  return JSON.stringify({ kit: "topic-map", run: topicMap.run, ids: rows.flatMap(idsOf) }, null, 1) + "\n";
}

function csv(rows) {
  const lines = rows.flatMap((row) => idsOf(row).map((id) => [id, topicMap.topics[topicMap.topic[row]].id, topicMap.topics[topicMap.topic[row]].label]));
  const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  // A spreadsheet takes what begins so for a formula; selected_ids takes the sign before an id away again.
  const safe = (text) => (/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const tame = ([id, topic, label]) => [safe(id), topic, safe(label)];
  return [["id", "topic", "label"], ...lines.map(tame)].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

function offerCopy(text) {
  const dialog = byId("copy");
  const area = dialog.querySelector("textarea");
  area.value = text;
  dialog.showModal();
  area.select();
}
