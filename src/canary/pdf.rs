/// A document of one page (ISO 32000-1) with a line of text that is a link to `address`, which must be plain: letters,
/// digits and what stands in an address without brackets.
pub(super) fn pdf(address: &str) -> Vec<u8> {
    let text = "BT /F1 18 Tf 72 720 Td (Notes from the garden) Tj ET\n";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [6 0 R] \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}endstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>".to_owned(),
        format!(
            "<< /Type /Annot /Subtype /Link /Rect [72 712 260 740] /Border [0 0 0] \
             /A << /S /URI /URI ({address}) >> >>"
        ),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (nth, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", nth + 1);
    }
    let (start, size) = (file.len(), objects.len() + 1);
    let end = format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    (file + &format!("xref\n0 {size}\n{table}") + &end).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_where_the_table_says() {
        let file = String::from_utf8(pdf("http://a.example/b")).unwrap();
        assert!(file.contains("/URI (http://a.example/b)"));
        let (_, end) = file.split_once("startxref\n").unwrap();
        let start: usize = end.lines().next().unwrap().parse().unwrap();
        let table = &file[start..];
        assert!(table.starts_with("xref\n0 7\n"));
        for (nth, line) in table.lines().skip(3).take(6).enumerate() {
            let at: usize = line[..10].parse().unwrap();
            assert!(file[at..].starts_with(&format!("{} 0 obj\n", nth + 1)));
            assert_eq!(line.len(), 19, "with its line feed twenty bytes");
        }
        let (_, stream) = file.split_once("stream\n").unwrap();
        let (stream, _) = stream.split_once("endstream").unwrap();
        assert!(file.contains(&format!("/Length {} ", stream.len())));
    }
}
