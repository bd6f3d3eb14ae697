// Frames of application/vnd.amazon.eventstream, as cdk_modelbuilder/local/gateway/event_stream.py writes them:
// total length | length of headers | checksum | headers | payload | checksum. TCP and the loopback do the checking here.

const STRING = 7;

export class EventFrames {
  #rest = new Uint8Array(0);

  read(part) {
    // The frames that `part` completes, as { headers, payload }.
    const data = new Uint8Array(this.#rest.length + part.length);
    data.set(this.#rest);
    data.set(part, this.#rest.length);
    const view = new DataView(data.buffer);
    const frames = [];
    let start = 0;
    while (data.length - start >= 12 && data.length - start >= view.getUint32(start)) {
      const end = start + view.getUint32(start);
      const payload = start + 12 + view.getUint32(start + 4);
      frames.push({ headers: headers(data, view, start + 12, payload), payload: data.slice(payload, end - 4) });
      start = end;
    }
    this.#rest = data.slice(start);
    return frames;
  }
}

function headers(data, view, start, end) {
  const decoder = new TextDecoder();
  const found = {};
  for (let place = start; place < end;) {
    const name = data.subarray(place + 1, place + 1 + data[place]);
    place += 1 + name.length;
    if (data[place] !== STRING) throw new Error(`a header of type ${data[place]} is none that the gateway writes`);
    const length = view.getUint16(place + 1);
    found[decoder.decode(name)] = decoder.decode(data.subarray(place + 3, place + 3 + length));
    place += 3 + length;
  }
  return found;
}
