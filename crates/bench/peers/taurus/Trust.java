import com.thoughtworks.xstream.converters.Converter;
import com.thoughtworks.xstream.converters.MarshallingContext;
import com.thoughtworks.xstream.converters.UnmarshallingContext;
import com.thoughtworks.xstream.io.HierarchicalStreamReader;
import com.thoughtworks.xstream.io.HierarchicalStreamWriter;
import com.thoughtworks.xstream.mapper.Mapper;
import com.thoughtworks.xstream.mapper.SecurityMapper;
import com.thoughtworks.xstream.security.WildcardTypePermission;

/**
 * Lets Debian's JMeter 2.13 read its own test plans: the XStream that Debian has beside it refuses every class that nobody has
 * allowed, and that JMeter is too old to allow its own. JMeter makes each converter that its saveservice.properties names and
 * shows it the mapper; this one allows JMeter's classes and converts nothing.
 */
public final class Trust implements Converter {
    public Trust(Mapper mapper) {
        SecurityMapper security = (SecurityMapper) mapper.lookupMapperOfType(SecurityMapper.class);
        String[] ours = {"org.apache.jmeter.**", "org.apache.jorphan.**"};
        security.addPermission(new WildcardTypePermission(ours));
    }

    @Override
    public boolean canConvert(Class type) {
        return false;
    }

    @Override
    public void marshal(Object source, HierarchicalStreamWriter writer, MarshallingContext context) {
        throw new IllegalStateException("it converts nothing");
    }

    @Override
    public Object unmarshal(HierarchicalStreamReader reader, UnmarshallingContext context) {
        throw new IllegalStateException("it converts nothing");
    }
}
